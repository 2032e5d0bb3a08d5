"""Pages of visits: the list, the form, one visit with delegation, programme, states and debrief."""
