"""Reports for leaders: coverage as a workbook, as a document on paper, as charts."""
