"""Small clips for trying the tool and testing it, and the code that draws them."""
