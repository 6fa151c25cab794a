"""From exercises of the book to grades: assignments, and a grader that trusts no notebook."""
