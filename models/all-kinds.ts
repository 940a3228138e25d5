// The kinds of model there are: a new one is a folder, and a line here.
