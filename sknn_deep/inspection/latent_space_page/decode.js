"use strict";

// What a decoder computes, from its layers as plain numbers. No part of it knows the page.

// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by 1.5e-7 at most.
function erf(z) {
  const t = 1 / (1 + 0.3275911 * Math.abs(z));
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t
    + 0.254829592) * t;
  return Math.sign(z) * (1 - series * Math.exp(-z * z));
}

const logistic = (z) => 1 / (1 + Math.exp(-z));
const softplus = (z) => (z > 20 ? z : Math.log1p(Math.exp(z)));
const clip = (z, low, high) => Math.min(Math.max(z, low), high);

// torch's definitions, with torch's defaults.
const ACTIVATIONS = {
  logistic,
  softplus,
  exp: Math.exp,
  tanh: Math.tanh,
  relu: (z) => Math.max(z, 0),
  relu6: (z) => clip(z, 0, 6),
  leaky_relu: (z) => (z > 0 ? z : 0.01 * z),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  selu: (z) => 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * Math.expm1(z)),
  gelu: (z) => 0.5 * z * (1 + erf(z * Math.SQRT1_2)),
  silu: (z) => z * logistic(z),
  mish: (z) => z * Math.tanh(softplus(z)),
  softsign: (z) => z / (1 + Math.abs(z)),
  hardtanh: (z) => clip(z, -1, 1),
  hardswish: (z) => (z * clip(z + 3, 0, 6)) / 6,
  hardsigmoid: (z) => clip(z / 6 + 0.5, 0, 1),
};

const LAYERS = {
  // The rows of the weight are those of its inputs.
  linear({ weight, bias }, input) {
    const output = Float64Array.from(bias);
    const n = output.length;
    for (let i = 0; i < input.length; i++) {
      const value = input[i];
      for (let j = 0, k = i * n; j < n; j++, k++) output[j] += value * weight[k];
    }
    return output;
  },

  scale({ weight, bias }, input) {
    return input.map((value, j) => value * weight[j] + bias[j]);
  },

  layer_norm({ weight, bias, eps }, input) {
    const n = input.length;
    const mean = input.reduce((sum, value) => sum + value, 0) / n;
    const variance = input.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
    const deviation = Math.sqrt(variance + eps);
    return input.map((value, j) => ((value - mean) / deviation) * weight[j] + bias[j]);
  },

  activation({ name }, input) {
    return input.map(ACTIVATIONS[name]);
  },
};

// Give what the decoder makes of a code, as a Float64Array.
function decode(layers, code) {
  return layers.reduce(
    (values, layer) => LAYERS[layer.kind](layer, values), Float64Array.from(code));
}
