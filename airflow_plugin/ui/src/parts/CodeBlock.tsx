import { Box, Button, chakra, Text } from "@chakra-ui/react";
import { useRef, useState } from "react";
import { LuCheck, LuCopy } from "react-icons/lu";

export interface CodeBlockProps {
  /** What it is, for the button and for those who hear the page: "install command". */
  label: string;
  text: string;
}

/** Text to be taken elsewhere, with a button that copies it. */
export function CodeBlock({ label, text }: CodeBlockProps) {
  const code = useRef<HTMLPreElement>(null);
  const [copied, setCopied] = useState<string | null>(null);
  const isCopied = copied === text;
  const take = async () => setCopied((await copy(text, code.current)) ? text : "");
  return (
    <Box position="relative" borderWidth={1} borderColor="border" borderRadius="md" bg="bg.subtle">
      <chakra.pre
        ref={code}
        // By keyboard it scrolls only when it can have the focus.
        tabIndex={0}
        role="region"
        aria-label={label}
        p={3}
        pe={24}
        overflowX="auto"
        fontFamily="mono"
        fontSize="xs"
      >
        {text}
      </chakra.pre>
      <Button
        size="xs"
        position="absolute"
        top={2}
        insetEnd={2}
        aria-label={`Copy ${label}`}
        onClick={() => void take()}
      >
        {isCopied ? <LuCheck aria-hidden /> : <LuCopy aria-hidden />}
        {isCopied ? "Copied" : "Copy"}
      </Button>
      <Text role="status" fontSize="sm" px={copied === "" ? 3 : 0} pb={copied === "" ? 2 : 0}>
        {copied === "" ? "This browser does not let the page copy. It is selected: press Ctrl-C." : null}
      </Text>
    </Box>
  );
}

/** Put text on the clipboard. Without https a browser lets a page only copy what is selected, if that. */
async function copy(text: string, element: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (element !== null) {
      getSelection()?.selectAllChildren(element);
    }
    return document.execCommand?.("copy") ?? false;
  }
}
