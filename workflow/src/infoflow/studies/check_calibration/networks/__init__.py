"""Networks that train and networks that do not, with the data and the recipes that say which."""
