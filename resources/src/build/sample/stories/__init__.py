"""Little stories and songs from word lists and templates of our own. Start with `library.write`."""
