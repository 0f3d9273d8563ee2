"""Coverage-guided fuzzing of the readers: `make fuzz`. Needs atheris; not part of the test command."""
