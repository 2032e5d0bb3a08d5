"""What the doctor looks at, by kind; each module gives its findings for the settings that are there."""
