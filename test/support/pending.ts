/** Number of pending store calls that will be answered soon without further action. */
let waiting = 0;

/** Whether any such call is pending. */
export function isPending(): boolean {
  return waiting > 0;
}

/**
 * The same object, with `settle` waiting for its answers, if its methods, or those of the objects they return, return
 * promises. Properties that a test sets are set on the original object.
 */
export function watched<Watched extends object>(object: Watched): Watched {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => watchedAnswer(Reflect.apply(value, target, args));
    },
  });
}

function watchedAnswer(answer: unknown): unknown {
  if (answer instanceof Promise) {
    waiting += 1;
    const over = () => {
      waiting -= 1;
    };
    answer.then(over, over);
    return answer;
  }
  return isSpool(answer) ? watched(answer) : answer;
}

function isSpool(answer: unknown): answer is object {
  return typeof answer === 'object' && answer !== null && 'commit' in answer;
}
