/** A C++ layout engine, driven through embind. */
import { loadYoga } from "yoga-layout/load";

const Yoga = await loadYoga();
const root = Yoga.Node.create();
root.setWidth(1000);
root.setFlexWrap(Yoga.WRAP_WRAP);
root.setFlexDirection(Yoga.FLEX_DIRECTION_ROW);
for (let index = 0; index < 300; index += 1) {
  const child = Yoga.Node.create();
  child.setFlexBasis(40 + (index % 17));
  child.setFlexGrow(index % 3);
  child.setHeight(10 + (index % 5));
  root.insertChild(child, index);
}
root.calculateLayout(undefined, undefined, Yoga.DIRECTION_LTR);
const boxes = Array.from({ length: 300 }, (_, index) => root.getChild(index).getComputedLayout());
export const result = `${root.getComputedHeight()} ${Bun.hash(JSON.stringify(boxes))}`;
