"""The stock OData interface of 1C: for infobases in which nobody writes code for us."""
