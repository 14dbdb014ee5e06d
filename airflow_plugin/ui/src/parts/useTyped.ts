import { useEffect, useState } from "react";

const PAUSE = 300;

/** What is being typed, handed on when the typist pauses; follows the value when that changes elsewhere. */
export function useTyped(value: string, onPause: (typed: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState({ text: value, from: value });
  if (typed.from !== value) {
    setTyped({ text: value, from: value });
  }
  useEffect(() => {
    if (typed.text === value) {
      return;
    }
    const timer = setTimeout(() => onPause(typed.text), PAUSE);
    return () => clearTimeout(timer);
  }, [typed.text, value, onPause]);
  return [typed.text, (text) => setTyped({ text, from: value })];
}
