"""One verb a file, imported when it is used; heavy imports wait until a verb runs."""
