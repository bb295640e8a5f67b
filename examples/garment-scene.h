/* A picture of one Fashion-MNIST item as a garment lying on some floor, under some light, before a camera that is held by hand. */
#ifndef GARMENT_SCENE_H
#define GARMENT_SCENE_H

#include <glib.h>

#define GARMENT_ITEM_SIZE 28

typedef struct GarmentScene GarmentScene;

/* item: 28×28 bytes as in the data set (bright on black), read only now. Floor, light, tint and motion follow from the seed. */
GarmentScene *garment_scene_new(const guint8 *item, guint64 seed, int width, int height);
void garment_scene_free(GarmentScene *scene); /* NULL allowed */

/* Draws the moment t (0..1) into width × height pixels of 4 bytes: B, G, R, unused. */
void garment_scene_draw(GarmentScene *scene, double t, guint8 *pixels, int stride);

/* The generator behind it: uniform in 0..1, from a state that is not 0. */
double garment_random(guint64 *state);

#endif
