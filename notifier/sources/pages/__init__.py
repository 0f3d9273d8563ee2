"""Status pages: each vendor's format turned into a VendorPage."""
