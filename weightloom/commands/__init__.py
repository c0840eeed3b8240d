"""One verb a file; heavy imports wait until a verb runs."""
