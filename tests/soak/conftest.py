"""The drills of the soak runs are run by these, not by the plugin that takes every scenario for a test."""

collect_ignore_glob = ["correct/*"]
