"""What every page stands on: links, navigation, headers, templates."""
