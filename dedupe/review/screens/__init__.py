"""The screens of the review app, each with its style sheet."""
