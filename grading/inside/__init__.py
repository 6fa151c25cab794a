"""What runs behind the wall, beside a student's code; of `grading` it has only `plain`."""
