"""Sentences that more than one report says alike."""

from __future__ import annotations

from harness.invariants.verdict import Judgement


def told(judgement: Judgement) -> str:
    """The verdict's sentence, without the verdict's own word in front: every report shows that word apart."""
    word, _, rest = judgement.sentence.partition(": ")
    if word.lower() != judgement.verdict.value or not rest:
        return judgement.sentence
    return rest[0].upper() + rest[1:]
