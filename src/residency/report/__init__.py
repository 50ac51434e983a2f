"""Reports: one Report, many forms. Pure: values in, text out.

`as_json.document` turns a Report into the JSON document of DESIGN section 7.5; every other form is written from
that document, so a form can be made later from a saved report. A new form is one file and one line in `formats`.
"""
