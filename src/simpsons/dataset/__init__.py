"""From folders of pictures to one array of pixels, and to a leak-free split of it."""
