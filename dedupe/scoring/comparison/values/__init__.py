"""The values of records as they are compared: roles, notation, tokens, and who shares them."""
