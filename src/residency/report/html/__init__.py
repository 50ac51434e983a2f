"""The report as one HTML file that needs nothing else: no network, no other file, and no script to be read.

`page.render` puts the parts together, one module each; `markup` writes elements and escapes all that was observed.
"""
