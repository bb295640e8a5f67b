/* Floors, sheets and tables, made of noise. */
#ifndef GARMENT_FLOOR_H
#define GARMENT_FLOOR_H

#include <glib.h>

typedef enum { GARMENT_FLOOR_PLAIN, GARMENT_FLOOR_GRADIENT, GARMENT_FLOOR_FABRIC, GARMENT_FLOOR_WOOD, GARMENT_FLOOR_CARPET, GARMENT_N_FLOORS } GarmentFloor;

/* Fills rgb (width × height × 3 floats, 0..1) around the colour base. */
void garment_floor_fill(GarmentFloor kind, const float base[3], guint64 *random, float *rgb, int width, int height);

#endif
