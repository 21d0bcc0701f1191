# DDM, region level: rectangles of source images in labeled target images
rectangle_mix = dict(type='RectangleMix')
