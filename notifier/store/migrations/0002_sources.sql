-- Ten thousand sources are asked every second which of them are silent.
CREATE INDEX source_states_freshness ON source_states (freshness);
