"""
The demo data: the world of Mannheim's Verwaltungsaustausch, for trying the platform.

What is told comes from one text, in which the city describes its exchanges between administrations and the external
expert forum on its strategy *Leitbild Mannheim 2030*. People appear by function. Where the text is silent and the
platform needs a value (days of a visit, a visit to come, which of the other cities are friendship cities, who owns a
recommendation), the value is an example.
"""
