// What every part of the page stands on. Theme, colours and router are the shell's.
import { QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Notices } from "../parts/Notices";
import { MeProvider } from "./me";
import { createQueryClient } from "./polling";

const queryClient = createQueryClient();

export function Providers({ children }: { children: ReactNode }) {
  return (
    <QueryClientProvider client={queryClient}>
      <MeProvider>{children}</MeProvider>
      <Notices />
    </QueryClientProvider>
  );
}
