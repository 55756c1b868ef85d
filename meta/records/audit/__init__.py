"""What records must keep beyond the types of their fields."""
