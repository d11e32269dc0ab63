extension KernelTable {
  /// A table of the given kernels.
  ///
  /// Each instruction set's module writes its own closures around the bodies. They cannot be shared: a closure within
  /// an inlinable generic initializer is a weak symbol in every module that calls it, and the linker might keep the one
  /// that was compiled for a newer processor.
  package init(
    name: String, lanes vectorWidth: Int, matmul: MatmulKernels,
    unary: @escaping @Sendable (UnaryFunction, Source, Target, Int) -> Void,
    finishRows: @escaping @Sendable (Source?, UnaryFunction?, Target, Int, Int, Int) -> Void,
    unaryGradient: @escaping @Sendable (UnaryFunction, Source, Source, Target, Int) -> Void,
    binary: @escaping @Sendable (BinaryFunction, Source, Source, Target, Int) -> Void,
    binaryScalar: @escaping @Sendable (BinaryFunction, Source, Float, Target, Int) -> Void,
    addScaled: @escaping @Sendable (Float, Source, Target, Int) -> Void,
    widen: @escaping @Sendable (StorageFormat, UnsafeRawPointer, Target, Int) -> Void,
    narrow: @escaping @Sendable (StorageFormat, Source, UnsafeMutableRawPointer, Int) -> Void,
    adamW: @escaping @Sendable (AdamWStep, Source, Target, Target, Target, Int) -> Void,
    sum: @escaping @Sendable (Source, Int) -> Float,
    largest: @escaping @Sendable (Source, Int) -> Float,
    dot: @escaping @Sendable (Source, Source, Int) -> Float,
    addRowSums: @escaping @Sendable (Source, Int, Int, Target) -> Void,
    softmax: @escaping @Sendable (Source, Target, Int, Int) -> Void,
    logSoftmax: @escaping @Sendable (Source, Target, Int, Int) -> Void,
    softmaxGradient: @escaping @Sendable (Source, Source, Target, Int, Int) -> Void,
    logSoftmaxGradient: @escaping @Sendable (Source, Source, Target, Int, Int) -> Void,
    attendRows:
      @escaping @Sendable (
        Target, Int, Int, UnsafePointer<Int32>, Int, Float, Target, Target, Target, Int
      ) -> Void,
    attendGradient: @escaping @Sendable (Target, Float, Float, Target, Float, Float, Int) -> Void,
    layerNorm: @escaping @Sendable (Source, Source?, Source?, Float, Target, Target, Target, Int, Int) -> Void,
    layerNormGradient:
      @escaping @Sendable (Source, Source?, Source, Source, Source, Target, Target?, Target?, Int, Int) -> Void,
    rmsNorm: @escaping @Sendable (Source, Source?, Float, Target, Target, Int, Int) -> Void,
    rmsNormGradient: @escaping @Sendable (Source, Source?, Source, Source, Target, Target?, Int, Int) -> Void,
    crossEntropy: @escaping @Sendable (Source, UnsafePointer<Int32>, Target, Target, Int, Int) -> Void,
    crossEntropyGradient: @escaping @Sendable (Source, UnsafePointer<Int32>, Source, Float, Target, Int, Int) -> Void,
    rotateHalves: @escaping @Sendable (Source, Source, Source, Target, Int, Int) -> Void
  ) {
    self.name = name
    self.vectorWidth = vectorWidth
    self.matmul = matmul
    self.unary = unary
    self.finishRows = finishRows
    self.unaryGradient = unaryGradient
    self.binary = binary
    self.binaryScalar = binaryScalar
    self.addScaled = addScaled
    self.widen = widen
    self.narrow = narrow
    self.adamW = adamW
    self.sum = sum
    self.largest = largest
    self.dot = dot
    self.addRowSums = addRowSums
    self.softmax = softmax
    self.logSoftmax = logSoftmax
    self.softmaxGradient = softmaxGradient
    self.logSoftmaxGradient = logSoftmaxGradient
    self.attendRows = attendRows
    self.attendGradient = attendGradient
    self.layerNorm = layerNorm
    self.layerNormGradient = layerNormGradient
    self.rmsNorm = rmsNorm
    self.rmsNormGradient = rmsNormGradient
    self.crossEntropy = crossEntropy
    self.crossEntropyGradient = crossEntropyGradient
    self.rotateHalves = rotateHalves
  }

  /// The same kernels, with tile registers for large products.
  package func multiplyingInTiles(_ tiles: TileKernels, name: String) -> KernelTable {
    var table = self
    table.name = name
    table.matmul.tiles = tiles
    return table
  }
}
