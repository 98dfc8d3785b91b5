"""Checks of what the model alone cannot know: names, files, times and routes.

In: a scenario file as it was read, sound or half broken. Out: problems in its source. Each looks only at what can be read,
so that all is told at once.
"""
