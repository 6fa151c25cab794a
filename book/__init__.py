"""The book's own build code: Sphinx extensions, templates, static files."""
