import onnxProto from "onnx-proto";

const { onnx } = onnxProto;
type NodeProto = onnxProto.onnx.INodeProto;
type AttributeProto = onnxProto.onnx.IAttributeProto;
type ValueInfo = onnxProto.onnx.IValueInfoProto;
type TensorProto = onnxProto.onnx.ITensorProto;

/** Name of a value (an edge) in a graph. */
export type Value = string;
export type DataType = "float32" | "int32" | "int64" | "bool";
/** A dimension: a number where it is fixed, a name where it changes from run to run. */
export type Dim = number | string;

type Attribute = number | { readonly float: number } | readonly number[] | string;

const TYPES: Record<DataType, number> = {
  float32: onnx.TensorProto.DataType.FLOAT,
  int32: onnx.TensorProto.DataType.INT32,
  int64: onnx.TensorProto.DataType.INT64,
  bool: onnx.TensorProto.DataType.BOOL,
};

const OPSET = 18;
const IR_VERSION = 8;
const MICROSOFT = "com.microsoft";

function attribute(name: string, value: Attribute): AttributeProto {
  const { AttributeType } = onnx.AttributeProto;
  if (typeof value === "number") return { name, type: AttributeType.INT, i: value };
  if (typeof value === "string") return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ("float" in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

/**
 * Builds one ONNX graph (opset 18 and com.microsoft 1), value by value. Operators return the names of their outputs, so a
 * graph reads like the formula it computes.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #constants: TensorProto[] = [];
  #next = 0;

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: DataType, shape: readonly Dim[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Names `value` as an output of the graph. */
  output(name: string, value: Value, type: DataType, shape: readonly Dim[]): void {
    this.#nodes.push({ opType: "Identity", input: [value], output: [name] });
    this.#outputs.push(valueInfo(name, type, shape));
  }

  float(value: number): Value {
    return this.#constant({ dataType: TYPES.float32, floatData: [value], dims: [] });
  }

  ints(values: readonly number[]): Value {
    return this.#constant({ dataType: TYPES.int64, int64Data: [...values], dims: [values.length] });
  }

  /** One node with one output. */
  op(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.ops(opType, inputs, 1, attributes)[0]!;
  }

  /** One node of the com.microsoft domain with one output. */
  microsoft(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.ops(opType, inputs, 1, attributes, MICROSOFT)[0]!;
  }

  /** One node with `outputs` outputs; an input named "" is left out. */
  ops(
    opType: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value[] {
    const output = Array.from({ length: outputs }, () => `v${(this.#next++).toString()}`);
    this.#nodes.push({
      opType,
      domain,
      input: [...inputs],
      output,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return output;
  }

  reshape(value: Value, shape: readonly number[]): Value {
    return this.op("Reshape", [value, this.ints(shape)]);
  }

  transpose(value: Value, perm: readonly number[]): Value {
    return this.op("Transpose", [value], { perm });
  }

  /** x A or, with `transB`, x A^T, scaled by `alpha`; batched over leading dimensions. */
  matmul(a: Value, b: Value, options: { transB?: boolean; alpha?: number } = {}): Value {
    if (options.transB !== true && options.alpha === undefined) return this.op("MatMul", [a, b]);
    return this.microsoft("FusedMatMul", [a, b], {
      transB: options.transB === true ? 1 : 0,
      alpha: { float: options.alpha ?? 1 },
    });
  }

  /** value[..., from:to, ...] along `axis`. */
  slice(value: Value, axis: number, from: number, to: number): Value {
    return this.op("Slice", [value, this.ints([from]), this.ints([to]), this.ints([axis])]);
  }

  build(): Uint8Array {
    const model = onnx.ModelProto.create({
      irVersion: IR_VERSION,
      opsetImport: [
        { domain: "", version: OPSET },
        { domain: MICROSOFT, version: 1 },
      ],
      graph: {
        name: this.#name,
        node: this.#nodes,
        input: this.#inputs,
        output: this.#outputs,
        initializer: this.#constants,
      },
    });
    return onnx.ModelProto.encode(model).finish();
  }

  #constant(tensor: TensorProto): Value {
    const name = `c${(this.#next++).toString()}`;
    this.#constants.push({ ...tensor, name });
    return name;
  }
}

function valueInfo(name: string, type: DataType, shape: readonly Dim[]): ValueInfo {
  return {
    name,
    type: {
      tensorType: {
        elemType: TYPES[type],
        shape: { dim: shape.map((dim) => (typeof dim === "number" ? { dimValue: dim } : { dimParam: dim })) },
      },
    },
  };
}
