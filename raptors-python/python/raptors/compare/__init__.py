"""raptors beside NumPy, and beside others: what is compared, how it is timed, how it is judged.

``cases`` makes calls of the catalogue, ``suites`` says of which operations and shapes, ``peers`` makes the same calls in
other packages; ``measure`` times them side by side and knows nothing of arrays; ``statistics`` makes ratios and intervals
of the times, ``gate`` verdicts of the intervals;
``run`` puts it together into a document that ``schema.json`` describes, and ``table`` writes it for a terminal.
"""
