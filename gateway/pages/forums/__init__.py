"""Pages of expert forums: subject, panel, working groups, conclusions and recommendations."""
