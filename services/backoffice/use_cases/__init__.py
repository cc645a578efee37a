"""What a person does at the pages that takes more than one request."""
