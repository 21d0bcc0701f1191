# DDM, region level: rectangles of source images pasted into labeled target images
rectangle_mix = dict(type='RectangleMix')
