"""Long runs, item by item: what there is to run, what came of each, beside busy loops where that is asked.

In: groups of items (test files, drills, planted bugs, seeds, kills, benchmarks, repetitions). Out: one JSON line an item, kept as it comes,
so that a second call goes on where the first stopped; and a table. An item is a drill or a test of its own; nothing here judges a run.
"""
