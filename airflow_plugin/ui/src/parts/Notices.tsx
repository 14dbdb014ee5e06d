import { createToaster, Toast, Toaster } from "@chakra-ui/react";

const toaster = createToaster({ placement: "bottom-end", pauseOnPageIdle: true });

/** Say briefly what was done. What was refused belongs where it was asked for, not here. */
export function notify(title: string, description?: string): void {
  toaster.create({ title, type: "success", ...(description === undefined ? {} : { description }) });
}

/** Take away all that is still to be seen. */
export function forgetNotices(): void {
  toaster.remove();
}

/** Where notices come up; stands once in the page. */
export function Notices() {
  return (
    <Toaster toaster={toaster}>
      {(toast) => (
        <Toast.Root width={{ md: "sm" }}>
          <Toast.Indicator />
          <Toast.Title>{toast.title}</Toast.Title>
          <Toast.Description>{toast.description}</Toast.Description>
          <Toast.CloseTrigger />
        </Toast.Root>
      )}
    </Toaster>
  );
}
