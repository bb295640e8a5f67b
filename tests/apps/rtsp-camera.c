/* rtsp-camera PICTURE.png PORT: a camera that shows one picture, at rtsp://127.0.0.1:PORT/camera; PORT 0: one that is free. Says the
 * address on standard output when it can be asked. */
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 3)
    return 2;
  g_autofree char *launch = g_strdup_printf("( filesrc location=%s ! pngdec ! imagefreeze is-live=true ! video/x-raw,framerate=15/1 ! videoconvert ! "
                                            "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15 ! rtpvp8pay name=pay0 pt=96 )",
                                            argv[1]);
  GstRTSPServer *server = gst_rtsp_server_new();
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, launch);
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  gst_rtsp_mount_points_add_factory(mounts, "/camera", factory);
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, argv[2]);
  if (gst_rtsp_server_attach(server, NULL) == 0)
    return 1;
  printf("rtsp://127.0.0.1:%d/camera\n", gst_rtsp_server_get_bound_port(server));
  fflush(stdout);
  g_main_loop_run(g_main_loop_new(NULL, FALSE));
  return 0;
}
