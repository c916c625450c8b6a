/**
 * Loops count their cost in a local variable, since a register is faster than memory. When it rises above zero it is
 * taken from the fuel, and `countedAhead` more may be counted. Each call of a function starts with `loopCredit`. Both
 * are long, because taking fuel now and then is a branch that the processor predicts wrongly.
 *
 * Most loops end long before either is used up. So only one part in `creditParts` of them is charged in advance: in
 * front of the loop, and when fuel is taken for the first time. A loop that goes on pays in full. A guest made of loops
 * that always stop just in time gets that many times its fuel, and no more.
 */

export const countedAhead = 4096;
export const loopCredit = 1024;
export const creditParts = 8;
/** What the first credit costs. */
export const prepaidTurns = loopCredit / creditParts;
