#include "nn/grad.h"

extern const FmnLayerGrad fmn_conv2d_grad, fmn_dense_grad, fmn_batchnorm_grad, fmn_activation_grad, fmn_maxpool_grad,
    fmn_global_avgpool_grad, fmn_dropout_grad, fmn_add_grad, fmn_dwconv_grad, fmn_scale_grad, fmn_concat_grad,
    fmn_upsample_grad;

const FmnLayerGrad *const fmn_layer_grads[] = {
    &fmn_conv2d_grad,         &fmn_dense_grad,   &fmn_batchnorm_grad, &fmn_activation_grad, &fmn_maxpool_grad,
    &fmn_global_avgpool_grad, &fmn_dropout_grad, &fmn_add_grad,
    &fmn_dwconv_grad,         &fmn_scale_grad,   &fmn_concat_grad,    &fmn_upsample_grad,   NULL,
};

const FmnLayerGrad *fmn_layer_grad_find(const FmnLayerOps *ops) {
  for (const FmnLayerGrad *const *g = fmn_layer_grads; *g; g++)
    if ((*g)->ops == ops)
      return *g;
  return NULL;
}
