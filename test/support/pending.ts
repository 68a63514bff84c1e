/** What waits for an answer that comes by itself, and soon: calls of stores. */
let waiting = 0;

/** Whether something waits for such an answer. */
export function isPending(): boolean {
  return waiting > 0;
}

/**
 * The same object, whose answers `settle` waits for, as far as its methods, or the objects they give, answer with
 * promises. What a test sets on it is set on the object.
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
