"""What an operator can choose: one module for each section of the file, and what reads and explains them."""
