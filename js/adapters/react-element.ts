/** `<cloudindex-uploader>` as a React component. The element itself is loaded in the browser, when it is first shown. */
import { createElement, forwardRef, useEffect, useImperativeHandle, useRef, useState } from 'react';
import type { ForwardRefExoticComponent, HTMLAttributes, RefAttributes } from 'react';
import type { CloudindexUploader, UploaderElementEvents } from '../element/types.js';

/** Props, and the element's events that they hear. */
const EVENTS = {
  onFileAdded: 'fileadded',
  onFileRejected: 'filerejected',
  onFileProgress: 'fileprogress',
  onFileComplete: 'filecomplete',
  onFileError: 'fileerror',
  onFileRemoved: 'fileremoved',
  onBatchStart: 'batchstart',
  onBatchComplete: 'batchcomplete',
  onProgress: 'progress',
  onStalled: 'stalled',
  onStatus: 'status',
  onError: 'error',
  onComplete: 'complete',
  onUploaderChange: 'uploaderchange',
} as const satisfies Record<string, keyof UploaderElementEvents>;

/** The element's properties, and what they are when a prop is taken away. */
const PROPERTIES = { uploader: undefined, options: {}, strings: undefined, locale: null, thumbnails: false, accept: null } as const;

type Events = typeof EVENTS;
type Property = keyof typeof PROPERTIES;

/** One prop for each event; it gets the event, whose `detail` is that of the uploader's. */
export type CloudIndexUploaderEvents = { [K in keyof Events]?: (event: UploaderElementEvents[Events[K]]) => void };

/**
 * The element's properties and events. `options` are for the upload that begins next: keep them the same object between renders.
 * Everything else (`className`, `style`, `lang`, `api-key`, …) goes to the element as it is.
 */
export interface CloudIndexUploaderProps
  extends CloudIndexUploaderEvents, Partial<Pick<CloudindexUploader, Property>>, Omit<HTMLAttributes<HTMLElement>, keyof Events> {}

/** Renders on a server as an empty element. Its `ref` is the element. */
export const CloudIndexUploader: ForwardRefExoticComponent<CloudIndexUploaderProps & RefAttributes<CloudindexUploader>> = forwardRef(
  function CloudIndexUploader(props: CloudIndexUploaderProps, ref) {
    const own = useRef<CloudindexUploader>(null);
    const [stage, enter] = useState<'loading' | 'defined'>('loading');
    const given = useRef<Partial<Record<Property, unknown>>>({});
    useImperativeHandle(ref, () => own.current as CloudindexUploader);

    useEffect(() => {
      import('../element/index.js').then(
        () => enter('defined'),
        (cause: unknown) => console.error('cloudindex-uploader: the element could not be loaded.', cause),
      );
    }, []);

    useEffect(() => {
      const element = own.current;
      if (!element || stage === 'loading') return undefined;
      for (const name of Object.keys(PROPERTIES) as Property[]) {
        if (Object.is(props[name], given.current[name])) continue;
        given.current[name] = props[name];
        Object.assign(element, { [name]: props[name] ?? PROPERTIES[name] });
      }
      // The element makes no event that nobody listens for.
      const heard = (Object.keys(EVENTS) as (keyof Events)[]).filter((name) => props[name]);
      for (const name of heard) element.addEventListener(EVENTS[name], props[name] as EventListener);
      return () => {
        for (const name of heard) element.removeEventListener(EVENTS[name], props[name] as EventListener);
      };
    });

    const rest = Object.entries(props).filter(([name]) => !(name in EVENTS) && !(name in PROPERTIES) && name !== 'className');
    return createElement('cloudindex-uploader', { ...Object.fromEntries(rest), class: props.className, ref: own });
  },
);
