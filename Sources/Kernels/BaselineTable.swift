private typealias V = Lanes4

extension KernelTable {
  /// The kernels that every processor of this architecture runs: SSE2 on x86-64, NEON on arm64.
  public static let baseline =
    KernelTable(
      name: "baseline", lanes: V.width,
      matmul: MatmulKernels(
        tileRows: V.tileRows, vectorWidth: V.width,
        packLeft: { MatmulKernels.packLeft(V.self, $0, $1, $2, $3, $4, $5) },
        packRight: { MatmulKernels.packRight(V.self, $0, $1, $2, $3, $4, $5, $6, $7, $8) },
        multiply: { MatmulKernels.multiply(V.self, $0, $1, $2, $3, $4, $5, $6, $7) },
        multiplyRow: { MatmulKernels.multiplyRow(V.self, $0, $1, $2, $3, $4, $5, $6, $7, $8, $9) }),
      unary: { Elementwise.unary(V.self, $0, $1, $2, $3) },
      finishRows: { Elementwise.finishRows(V.self, $0, $1, $2, $3, $4, $5) },
      unaryGradient: { Elementwise.unaryGradient(V.self, $0, $1, $2, $3, $4) },
      binary: { Elementwise.binary(V.self, $0, $1, $2, $3, $4) },
      binaryScalar: { Elementwise.binaryScalar(V.self, $0, $1, $2, $3, $4) },
      addScaled: { Elementwise.addScaled(V.self, $0, $1, $2, $3) },
      widen: { Conversions.widen(V.self, $0, $1, $2, $3) },
      narrow: { Conversions.narrow(V.self, $0, $1, $2, $3) },
      adamW: { AdamWKernel.step(V.self, $0, $1, $2, $3, $4, $5) },
      sum: { Reductions.sum(V.self, $0, $1) },
      largest: { Reductions.largest(V.self, $0, $1) },
      dot: { Reductions.dot(V.self, $0, $1, $2) },
      addRowSums: { Reductions.addRowSums(V.self, $0, $1, $2, $3) },
      softmax: { Softmax.softmax(V.self, $0, $1, $2, $3) },
      logSoftmax: { Softmax.logSoftmax(V.self, $0, $1, $2, $3) },
      softmaxGradient: { Softmax.softmaxGradient(V.self, $0, $1, $2, $3, $4) },
      logSoftmaxGradient: { Softmax.logSoftmaxGradient(V.self, $0, $1, $2, $3, $4) },
      attendRows: { Softmax.attendRows(V.self, $0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
      attendGradient: { Softmax.attendGradient(V.self, $0, $1, $2, $3, $4, $5, $6) },
      layerNorm: { Norms.layerNorm(V.self, $0, $1, $2, $3, $4, $5, $6, $7, $8) },
      layerNormGradient: { Norms.layerNormGradient(V.self, $0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
      rmsNorm: { Norms.rmsNorm(V.self, $0, $1, $2, $3, $4, $5, $6) },
      rmsNormGradient: { Norms.rmsNormGradient(V.self, $0, $1, $2, $3, $4, $5, $6, $7) },
      crossEntropy: { CrossEntropy.loss(V.self, $0, $1, $2, $3, $4, $5) },
      crossEntropyGradient: { CrossEntropy.gradient(V.self, $0, $1, $2, $3, $4, $5, $6) },
      rotateHalves: { Rotary.rotateHalves(V.self, $0, $1, $2, $3, $4, $5) })
}
