"""What a case is: workflow, people, evidence."""
