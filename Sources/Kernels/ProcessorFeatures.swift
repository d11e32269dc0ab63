public struct ProcessorFeatures: Sendable { public static let current = ProcessorFeatures(); public var hasAVX2: Bool { true }; public var hasAVX512: Bool { true } }
