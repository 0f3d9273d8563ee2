"""What the detector would have raised over a recording, had it been set otherwise: one pass for each threshold.

What is alarmed is not learnt as usual, so two thresholds that differ in one alarm differ in everything after it: no
threshold can be judged by the scores of another's pass. The recordings are read once; each threshold has a detector of
its own beside the others, in the same virtual time.
"""
